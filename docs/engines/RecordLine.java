import java.io.PrintStream;
import java.util.HexFormat;
import java.util.StringJoiner;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/** A record as one line: partition, offset, timestamp, key, value, headers; tabs between, bytes in hex, "-" for none. */
final class RecordLine {
    private static final HexFormat HEX = HexFormat.of();

    private RecordLine() {}

    static String of(ConsumerRecord<byte[], byte[]> record) {
        StringJoiner headers = new StringJoiner(",");
        headers.setEmptyValue("-");
        for (Header header : record.headers()) {
            headers.add(header.key() + "=" + HEX.formatHex(header.value()));
        }
        return record.partition() + "\t" + record.offset() + "\t" + record.timestamp() + "\t"
                + (record.key() == null ? "-" : HEX.formatHex(record.key())) + "\t"
                + HEX.formatHex(record.value()) + "\t" + headers;
    }

    /** Standard output, buffered: to be flushed before an offset is committed. */
    static PrintStream output() {
        return new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false);
    }
}
