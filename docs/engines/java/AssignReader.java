import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads all partitions of a topic without a group, to where they end now.
 *
 * <p>AssignReader BROKER TOPIC [offset N | time MS]: from the beginning, from an offset, or from a time on.
 */
final class AssignReader {
    public static void main(String[] args) {
        if (args.length < 2) {
            System.err.println("usage: AssignReader BROKER TOPIC [offset N | time MS]");
            System.exit(2);
        }
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("check.crcs", "true");
        PrintStream out = RecordLine.output();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(args[1]).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
            consumer.assign(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            if (args.length < 4) {
                consumer.seekToBeginning(partitions);
            } else if (args[2].equals("offset")) {
                partitions.forEach(partition -> consumer.seek(partition, Long.parseLong(args[3])));
            } else {
                seekToTime(consumer, ends, Long.parseLong(args[3]));
            }
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                    out.println(RecordLine.of(record));
                }
            }
        }
        out.flush();
    }

    private static void seekToTime(
            KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends, long time) {
        Map<TopicPartition, Long> times = new HashMap<>();
        ends.keySet().forEach(partition -> times.put(partition, time));
        Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(times);
        // Nothing so late: from the end.
        ends.forEach((partition, end) ->
                consumer.seek(partition, found.get(partition) == null ? end : found.get(partition).offset()));
    }
}
