import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * The aggregate of one series and window, as the bytes that the store keeps: calls, errors, input tokens, output tokens,
 * cost in dollars, latency in ms (8 bytes each), then 88 counts of latencies (4 bytes each; tests/bench/peers/fold.py
 * has the same buckets). The store needs bytes, so that adding to them in place saves encoding and decoding.
 */
final class Totals {
  private static final int CALLS = 0;
  private static final int ERRORS = 8;
  private static final int INPUT_TOKENS = 16;
  private static final int OUTPUT_TOKENS = 24;
  private static final int COST_USD = 32;
  private static final int LATENCY_MS = 40;
  private static final int HISTOGRAM = 48;
  private static final int BUCKETS = 88;
  private static final int PER_DOUBLING = 4;
  private static final double PER_LOG = PER_DOUBLING / Math.log(2);

  private Totals() {}

  static byte[] none() {
    return new byte[HISTOGRAM + 4 * BUCKETS];
  }

  static byte[] add(byte[] totals, Call call) {
    ByteBuffer at = ByteBuffer.wrap(totals);
    at.putLong(CALLS, at.getLong(CALLS) + 1);
    if (call.error) {
      at.putLong(ERRORS, at.getLong(ERRORS) + 1);
    }
    at.putLong(INPUT_TOKENS, at.getLong(INPUT_TOKENS) + call.inputTokens);
    at.putLong(OUTPUT_TOKENS, at.getLong(OUTPUT_TOKENS) + call.outputTokens);
    at.putDouble(COST_USD, at.getDouble(COST_USD) + call.costUsd);
    at.putDouble(LATENCY_MS, at.getDouble(LATENCY_MS) + call.latencyMs);
    int bucket = HISTOGRAM + 4 * bucketOf(call.latencyMs);
    at.putInt(bucket, at.getInt(bucket) + 1);
    return totals;
  }

  /** The bucket, 0..87, of a latency: (2^(i/4), 2^((i+1)/4)] ms, cut off at both ends. */
  static int bucketOf(double latencyMs) {
    if (latencyMs <= 0) {
      return 0;
    }
    int bucket = (int) Math.ceil(Math.log(latencyMs) * PER_LOG) - 1;
    return Math.min(BUCKETS - 1, Math.max(0, bucket));
  }

  /** A line of JSON for the test. */
  static String line(String series, long startMs, byte[] totals) {
    ByteBuffer at = ByteBuffer.wrap(totals);
    long seen = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      seen += at.getInt(HISTOGRAM + 4 * bucket);
    }
    return String.format(
        Locale.ROOT,
        "{\"series\": \"%s\", \"start\": %d, \"calls\": %d, \"errors\": %d, \"input_tokens\": %d,"
            + " \"output_tokens\": %d, \"cost_usd\": %s, \"latency_ms\": %s, \"in_histogram\": %d}",
        series, startMs / 1000, at.getLong(CALLS), at.getLong(ERRORS), at.getLong(INPUT_TOKENS),
        at.getLong(OUTPUT_TOKENS), at.getDouble(COST_USD), at.getDouble(LATENCY_MS), seen);
  }
}
