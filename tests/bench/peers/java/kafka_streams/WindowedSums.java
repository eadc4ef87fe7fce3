import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.ForeachAction;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** The program of tests/bench/peers/kafka_streams.py, which says what it does and does not. */
public final class WindowedSums {
  private static final Duration WINDOW = Duration.ofSeconds(10);
  private static final Duration GRACE = Duration.ofSeconds(10);
  /**
   * Closed windows are emitted once a second by the wall clock, in which the stream goes on by 20 s: what the store has
   * forgotten by then is lost without a word.
   */
  private static final Duration RETENTION = Duration.ofSeconds(60);

  private WindowedSums() {}

  /** Arguments: bootstrap, topic, count, group, labels with commas, optionally a file for rows. */
  public static void main(String[] arguments) throws Exception {
    Progress progress = new Progress(Long.parseLong(arguments[2]));
    StreamsBuilder builder = new StreamsBuilder();
    Serde<Call> calls = Serdes.serdeFrom(
        (topic, call) -> { throw new UnsupportedOperationException("calls are only read"); },
        new Call.Decoder(List.of(arguments[4].split(","))));
    KStream<String, Call> bySeries = builder
        .stream(arguments[1], Consumed.with(Serdes.ByteArray(), calls)
            .withTimestampExtractor((message, partitionTime) -> ((Call) message.value()).endedMs()))
        .selectKey((trace, call) -> call.series);
    withoutRepartition(bySeries)
        .groupByKey(Grouped.with(Serdes.String(), calls))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(Totals::none, (series, call, totals) -> {
          progress.add();
          return Totals.add(totals, call);
        }, store())
        .toStream()
        .foreach(rows(arguments.length > 5 ? arguments[5] : null));
    KafkaStreams streams = new KafkaStreams(builder.build(), properties(arguments));
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      return null;
    });
    streams.start();
  }

  /**
   * Groups by the new key in place. The DSL would write every call to a second topic and read it again, which several
   * workers need and one does not; it has no public way to say so.
   */
  private static <K, V> KStream<K, V> withoutRepartition(KStream<K, V> stream) throws ReflectiveOperationException {
    Field required = stream.getClass().getDeclaredField("repartitionRequired");
    required.setAccessible(true);
    required.setBoolean(stream, false);
    return stream;
  }

  private static Materialized<String, byte[], WindowStore<Bytes, byte[]>> store() {
    return Materialized
        .<String, byte[]>as(Stores.inMemoryWindowStore("windows", RETENTION, WINDOW, false))
        .withKeySerde(Serdes.String())
        .withValueSerde(Serdes.ByteArray())
        .withCachingDisabled() // nobody reads a window before it closes
        .withLoggingDisabled();
  }

  /** Keeps finished windows in a list, or writes each as a line. */
  private static ForeachAction<Windowed<String>, byte[]> rows(String file) throws IOException {
    if (file == null) {
      List<byte[]> kept = new ArrayList<>();
      return (window, totals) -> kept.add(totals);
    }
    PrintStream lines = new PrintStream(file, StandardCharsets.UTF_8);
    return (window, totals) -> {
      lines.println(Totals.line(window.key(), window.window().start(), totals));
      lines.flush();
    };
  }

  private static Properties properties(String[] arguments) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir"));
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1); // it has one core
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
    properties.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1_500);
    return properties;
  }
}
