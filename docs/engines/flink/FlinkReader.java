import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Writes a topic's records into files, each record once whatever happens: files are finished by checkpoints.
 *
 * <p>FlinkReader BROKER TOPIC OUTPUT_DIR CHECKPOINT_DIR bounded | unbounded [PAUSE_MS [CHECKPOINT]]: to where the topic ends
 * now, or for ever; with a pause behind each record; from a checkpoint of a run that was killed.
 */
final class FlinkReader {
    public static void main(String[] args) throws Exception {
        if (args.length < 5) {
            System.err.println("usage: FlinkReader BROKER TOPIC OUTPUT_DIR CHECKPOINT_DIR bounded |"
                    + " unbounded [PAUSE_MS [CHECKPOINT]]");
            System.exit(2);
        }
        long pauseMs = args.length > 5 ? Long.parseLong(args[5]) : 0;
        Configuration settings = new Configuration();
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, java.nio.file.Path.of(args[3]).toUri().toString());
        settings.set(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        if (args.length > 6) {
            settings.set(StateRecoveryOptions.SAVEPOINT_PATH, args[6]);
        }
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment(settings);
        flink.setParallelism(2);

        KafkaSourceBuilder<String> source = KafkaSource.<String>builder()
                .setBootstrapServers(args[0])
                .setTopics(args[1])
                .setGroupId("flink-" + args[4]) // commits with each checkpoint, so that others see how far it is
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new Lines());
        if (args[4].equals("bounded")) {
            source.setBounded(OffsetsInitializer.latest());
        }
        flink.fromSource(source.build(), WatermarkStrategy.noWatermarks(), "weir").uid("weir")
                .map(line -> {
                    Thread.sleep(pauseMs);
                    return line;
                }).returns(Types.STRING).uid("pause")
                .sinkTo(FileSink.forRowFormat(new Path(args[2]), new SimpleStringEncoder<String>())
                        .withRollingPolicy(OnCheckpointRollingPolicy.build()).build()).uid("files");
        flink.execute();
    }

    private static final class Lines implements KafkaRecordDeserializationSchema<String> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<String> out) {
            out.collect(RecordLine.of(record));
        }

        @Override
        public TypeInformation<String> getProducedType() {
            return Types.STRING;
        }
    }
}
