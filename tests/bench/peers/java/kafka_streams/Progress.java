import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** Counts events that are in an aggregate and tells how far it is, as tests/bench/peers/progress.py does. */
final class Progress {
  private static final long EVERY_NS = 250_000_000L;
  private static final int CLOCK_EVERY = 128; // events between two looks at the clock

  private final long count;
  private final OperatingSystemMXBean system =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private long events;
  private long lookAt = 1;
  private long toldNs = System.nanoTime() - EVERY_NS;

  Progress(long count) {
    this.count = count;
  }

  void add() {
    if (++events >= lookAt) {
      look();
    }
  }

  private void look() {
    long now = System.nanoTime();
    boolean done = events >= count;
    if (done || now - toldNs >= EVERY_NS) {
      toldNs = now;
      System.out.println(String.format(
          Locale.ROOT, "{\"at_s\": %.6f, \"events\": %d, \"cpu_s\": %.3f}",
          now / 1e9, events, system.getProcessCpuTime() / 1e9));
      System.out.flush();
    }
    // exactly at `count`, and never again after it
    lookAt = done ? Long.MAX_VALUE : Math.max(events + 1, Math.min(events + CLOCK_EVERY, count));
  }
}
