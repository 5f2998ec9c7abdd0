import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** What an administrator sees of a read-only cluster, and what it refuses: Topics BROKER TOPIC. */
final class Topics {
    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println("usage: Topics BROKER TOPIC");
            System.exit(2);
        }
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("default.api.timeout.ms", "10000");
        settings.put("request.timeout.ms", "5000");
        String topic = args[1];
        try (Admin admin = Admin.create(settings)) {
            System.out.println("nodes " + admin.describeCluster().nodes().get());
            System.out.println("topics " + admin.listTopics().names().get().stream().sorted().toList());
            admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().forEach(
                    partition -> System.out.println("partition " + partition.partition() + " leader " + partition.leader().id()
                            + " replicas " + partition.replicas().size() + " in sync " + partition.isr().size()));
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            config.entries().stream().map(entry -> "config " + entry.name() + "=" + entry.value()).sorted()
                    .forEach(System.out::println);
            refused("create", admin.createTopics(List.of(new NewTopic("another", 1, (short) 1))).all());
            refused("delete", admin.deleteTopics(List.of(topic)).all());
            refused("grow", admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(9))).all());
            refused("cut", admin.deleteRecords(
                    Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(1))).all());
        }
    }

    private static void refused(String what, KafkaFuture<?> answer) throws InterruptedException {
        try {
            answer.get();
            System.out.println(what + " DONE");
        } catch (ExecutionException e) {
            System.out.println(what + " refused: " + e.getCause().getClass().getSimpleName());
        }
    }
}
