import java.io.PrintStream;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a consumer group: prints what it is given, commits, goes on, until SIGTERM or until COUNT records were read
 * (0: no end).
 *
 * <p>GroupReader BROKER TOPIC GROUP COUNT [PAUSE_MS [NAME=VALUE]...] with settings of the consumer at the end.
 */
final class GroupReader {
    public static void main(String[] args) throws Exception {
        if (args.length < 4) {
            System.err.println("usage: GroupReader BROKER TOPIC GROUP COUNT [PAUSE_MS [NAME=VALUE]...]");
            System.exit(2);
        }
        long count = Long.parseLong(args[3]);
        long pauseMs = args.length > 4 ? Long.parseLong(args[4]) : 0;
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        for (int i = 5; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        PrintStream out = RecordLine.output();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            Thread main = Thread.currentThread();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    main.join();
                } catch (InterruptedException e) {
                    // Then the consumer could not say good-bye.
                }
            }));
            consumer.subscribe(List.of(args[1]), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> added) {
                    System.err.println("assigned " + added + " generation " + consumer.groupMetadata().generationId());
                }

                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> taken) {
                    System.err.println("revoked " + taken);
                    consumer.commitSync();
                }
            });
            long read = 0;
            while (count == 0 || read < count) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    out.println(RecordLine.of(record));
                }
                out.flush();
                read += records.count();
                commit(consumer);
                Thread.sleep(pauseMs);
            }
        } catch (WakeupException e) {
            // SIGTERM: what was printed is committed.
        }
    }

    private static void commit(KafkaConsumer<byte[], byte[]> consumer) {
        try {
            consumer.commitSync();
        } catch (RebalanceInProgressException e) {
            // The next poll ends the rebalance: what is taken is committed then, what stays by the next commit.
        }
    }
}
