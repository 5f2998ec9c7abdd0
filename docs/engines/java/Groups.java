import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * What an administrator does with groups: Groups BROKER list | describe GROUP | offsets GROUP | set GROUP TOPIC PARTITION OFFSET
 * | forget GROUP TOPIC PARTITION | delete GROUP.
 */
// By names that 3.x knows too; 4.x has newer ones beside them.
@SuppressWarnings({"deprecation", "removal"})
final class Groups {
    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println("usage: Groups BROKER list | describe GROUP | offsets GROUP | set GROUP"
                    + " TOPIC PARTITION OFFSET | forget GROUP TOPIC PARTITION | delete GROUP");
            System.exit(2);
        }
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(settings)) {
            switch (args[1]) {
                case "list" -> admin.listConsumerGroups().all().get()
                        .forEach(group -> System.out.println(group.groupId() + " " + group.state().orElseThrow()));
                case "describe" -> describe(admin.describeConsumerGroups(List.of(args[2])).all().get().get(args[2]));
                case "offsets" -> offsets(admin, args[2]);
                case "set" -> admin.alterConsumerGroupOffsets(args[2],
                        Map.of(partition(args), new OffsetAndMetadata(Long.parseLong(args[5])))).all().get();
                case "forget" -> admin.deleteConsumerGroupOffsets(args[2], Set.of(partition(args))).all().get();
                case "delete" -> admin.deleteConsumerGroups(List.of(args[2])).all().get();
                default -> throw new IllegalArgumentException(args[1]);
            }
        }
    }

    private static TopicPartition partition(String[] args) {
        return new TopicPartition(args[3], Integer.parseInt(args[4]));
    }

    private static void describe(ConsumerGroupDescription group) {
        System.out.println(group.groupId() + " " + group.state() + " " + group.partitionAssignor());
        group.members().stream()
                .map(member -> member.groupInstanceId().orElse("-") + " " + member.host() + " "
                        + member.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted().toList())
                .sorted().forEach(System.out::println);
    }

    private static void offsets(Admin admin, String group) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> found =
                new HashMap<>(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
        found.values().removeIf(at -> at == null);
        found.entrySet().stream().map(at -> at.getKey() + " " + at.getValue().offset()).sorted().forEach(System.out::println);
    }
}
