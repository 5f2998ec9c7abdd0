import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.kafka.ConsumerSettings;
import org.apache.pekko.kafka.Subscriptions;
import org.apache.pekko.kafka.javadsl.Consumer;
import java.io.PrintStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** So many records of one partition from an offset on, without a group: PekkoAssigned BROKER TOPIC PARTITION OFFSET COUNT. */
final class PekkoAssigned {
    public static void main(String[] args) {
        if (args.length < 5) {
            System.err.println("usage: PekkoAssigned BROKER TOPIC PARTITION OFFSET COUNT");
            System.exit(2);
        }
        ActorSystem system = ActorSystem.create();
        PrintStream out = RecordLine.output();
        ConsumerSettings<byte[], byte[]> settings = ConsumerSettings
                .create(system, new ByteArrayDeserializer(), new ByteArrayDeserializer())
                .withBootstrapServers(args[0]);
        TopicPartition partition = new TopicPartition(args[1], Integer.parseInt(args[2]));
        Consumer.plainSource(settings, Subscriptions.assignmentWithOffset(partition, Long.parseLong(args[3])))
                .take(Long.parseLong(args[4]))
                .runForeach(record -> out.println(RecordLine.of(record)), system)
                .toCompletableFuture().join();
        out.flush();
        system.terminate();
    }
}
