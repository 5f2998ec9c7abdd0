import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Where a topic's partitions begin and end, and where times are in them: once by the consumer, once by the admin client.
 *
 * <p>Offsets BROKER TOPIC [MS]... prints "partition what offset timestamp" lines; -1 for nothing.
 */
final class Offsets {
    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println("usage: Offsets BROKER TOPIC [MS]...");
            System.exit(2);
        }
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        List<TopicPartition> partitions;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            partitions = consumer.partitionsFor(args[1]).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
            consumer.beginningOffsets(partitions).forEach((partition, at) -> print(partition, "beginning", at, -1));
            consumer.endOffsets(partitions).forEach((partition, at) -> print(partition, "end", at, -1));
            for (int i = 2; i < args.length; i++) {
                Map<TopicPartition, Long> times = new HashMap<>();
                for (TopicPartition partition : partitions) {
                    times.put(partition, Long.parseLong(args[i]));
                }
                for (Map.Entry<TopicPartition, OffsetAndTimestamp> found : consumer.offsetsForTimes(times).entrySet()) {
                    OffsetAndTimestamp at = found.getValue();
                    print(found.getKey(), args[i], at == null ? -1 : at.offset(), at == null ? -1 : at.timestamp());
                }
            }
        }
        try (Admin admin = Admin.create(settings)) {
            list(admin, partitions, "earliest", OffsetSpec.earliest());
            list(admin, partitions, "latest", OffsetSpec.latest());
            list(admin, partitions, "largest-time", OffsetSpec.maxTimestamp());
            for (int i = 2; i < args.length; i++) {
                list(admin, partitions, "admin-" + args[i], OffsetSpec.forTimestamp(Long.parseLong(args[i])));
            }
        }
    }

    private static void list(Admin admin, List<TopicPartition> partitions, String what, OffsetSpec spec) throws Exception {
        Map<TopicPartition, OffsetSpec> question = new HashMap<>();
        partitions.forEach(partition -> question.put(partition, spec));
        for (Map.Entry<TopicPartition, ListOffsetsResultInfo> answer : admin.listOffsets(question).all().get().entrySet()) {
            print(answer.getKey(), what, answer.getValue().offset(), answer.getValue().timestamp());
        }
    }

    private static void print(TopicPartition partition, String what, long offset, long timestamp) {
        System.out.println(partition.partition() + " " + what + " " + offset + " " + timestamp);
    }
}
