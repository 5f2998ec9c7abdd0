import akka.Done;
import akka.actor.ActorSystem;
import akka.actor.CoordinatedShutdown;
import akka.kafka.CommitterSettings;
import akka.kafka.ConsumerSettings;
import akka.kafka.Subscriptions;
import akka.kafka.javadsl.Committer;
import akka.kafka.javadsl.Consumer;
import java.io.PrintStream;
import java.time.Duration;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A member of a group: prints, then commits, until SIGTERM: AkkaGroup BROKER TOPIC GROUP [PER_SECOND]. */
final class AkkaGroup {
    public static void main(String[] args) {
        if (args.length < 3) {
            System.err.println("usage: AkkaGroup BROKER TOPIC GROUP [PER_SECOND]");
            System.exit(2);
        }
        int perSecond = args.length > 3 ? Integer.parseInt(args[3]) : 1000000;
        ActorSystem system = ActorSystem.create();
        PrintStream out = RecordLine.output();
        ConsumerSettings<byte[], byte[]> settings = ConsumerSettings
                .create(system, new ByteArrayDeserializer(), new ByteArrayDeserializer())
                .withBootstrapServers(args[0])
                .withGroupId(args[2])
                .withProperty("auto.offset.reset", "earliest");
        Consumer.DrainingControl<Done> stream = Consumer
                .committableSource(settings, Subscriptions.topics(args[1]))
                .throttle(perSecond, Duration.ofSeconds(1))
                .map(message -> {
                    out.println(RecordLine.of(message.record()));
                    out.flush();
                    return message.committableOffset();
                })
                .toMat(Committer.sink(CommitterSettings.create(system)), Consumer::createDrainingControl)
                .run(system);
        // On SIGTERM: what was read is printed and committed, then the member leaves.
        CoordinatedShutdown.get(system).addTask(CoordinatedShutdown.PhaseServiceUnbind(), "drain",
                () -> stream.drainAndShutdown(system.dispatcher()));
    }
}
