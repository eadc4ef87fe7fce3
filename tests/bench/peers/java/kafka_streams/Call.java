import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.kafka.common.serialization.Deserializer;

/** The fields of a call that are aggregated. Missing and null numbers are 0. */
final class Call {
  double ts;
  double latencyMs;
  boolean error;
  long inputTokens;
  long outputTokens;
  double costUsd;
  /** The values of the labels, in their order, with commas between them; a missing label is empty. */
  String series;

  /** Event time, the end of the call, in ms. */
  long endedMs() {
    return (long) (ts * 1000 + latencyMs);
  }

  /** Reads the JSON of a call token by token; fields that are not needed are skipped. */
  static final class Decoder implements Deserializer<Call> {
    private final JsonFactory json = new JsonFactory();
    private final List<String> labels;

    Decoder(List<String> labels) {
      this.labels = labels;
    }

    @Override
    public Call deserialize(String topic, byte[] value) {
      try (JsonParser parser = json.createParser(value)) {
        Call call = new Call();
        String[] values = new String[labels.size()];
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String field = parser.currentName();
          JsonToken token = parser.nextToken();
          int label = labels.indexOf(field);
          if (label >= 0) {
            values[label] = parser.getText();
          } else if (token.isNumeric()) {
            setNumber(call, field, parser);
          } else if (token == JsonToken.VALUE_STRING && field.equals("status")) {
            call.error = parser.getText().equals("error");
          } else {
            parser.skipChildren();
          }
        }
        call.series = joined(values);
        return call;
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    private static void setNumber(Call call, String field, JsonParser parser) throws IOException {
      switch (field) {
        case "ts" -> call.ts = parser.getDoubleValue();
        case "latency_ms" -> call.latencyMs = parser.getDoubleValue();
        case "input_tokens" -> call.inputTokens = parser.getLongValue();
        case "output_tokens" -> call.outputTokens = parser.getLongValue();
        case "cost_usd" -> call.costUsd = parser.getDoubleValue();
        default -> { }
      }
    }

    private static String joined(String[] values) {
      StringBuilder series = new StringBuilder(48);
      for (int at = 0; at < values.length; at++) {
        if (at > 0) {
          series.append(',');
        }
        if (values[at] != null) {
          series.append(values[at]);
        }
      }
      return series.toString();
    }
  }
}
