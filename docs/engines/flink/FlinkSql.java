import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** JSON values as a table: how many events of each level, and how much of what they say, in windows of event time. */
final class FlinkSql {
    public static void main(String[] args) throws Exception {
        if (args.length < 2) {
            System.err.println("usage: FlinkSql BROKER TOPIC");
            System.exit(2);
        }
        TableEnvironment sql = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        sql.getConfig().set("parallelism.default", "1");
        sql.getConfig().set("table.local-time-zone", "UTC");
        sql.executeSql("""
                CREATE TABLE events (
                    `@timestamp` TIMESTAMP_LTZ(3),
                    level STRING,
                    fields ROW<sku STRING, qty INT>,
                    WATERMARK FOR `@timestamp` AS `@timestamp` - INTERVAL '1' SECOND
                ) WITH (
                    'connector' = 'kafka',
                    'properties.bootstrap.servers' = '%s',
                    'topic' = '%s',
                    'scan.startup.mode' = 'earliest-offset',
                    'scan.bounded.mode' = 'latest-offset',
                    'format' = 'json',
                    'json.timestamp-format.standard' = 'ISO-8601'
                )""".formatted(args[0], args[1]));
        try (CloseableIterator<Row> rows = sql.executeSql("""
                SELECT DATE_FORMAT(window_start, 'HH:mm:ss.SSS'), level, COUNT(*), SUM(fields.qty)
                FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(`@timestamp`), INTERVAL '0.020' SECOND))
                GROUP BY window_start, window_end, level""").collect()) {
            rows.forEachRemaining(row -> System.out.println(
                    row.getField(0) + " " + row.getField(1) + " " + row.getField(2) + " " + row.getField(3)));
        }
    }
}
