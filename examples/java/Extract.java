import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import quotewire.v1.Article;
import quotewire.v1.ExtractOptions;
import quotewire.v1.ExtractRequest;
import quotewire.v1.ExtractionServiceGrpc;
import quotewire.v1.OffsetEncoding;
import quotewire.v1.Statement;

/**
 * Prints who said what in an article, through Java's strings: text.substring(start, end) with UTF-16
 * offsets. Usage: java Extract localhost:50051 &lt; article.txt
 */
public final class Extract {
  public static void main(String[] args) throws Exception {
    String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(args[0])
            .usePlaintext()
            .enableRetry()
            .defaultLoadBalancingPolicy("round_robin")
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .build();
    try {
      ExtractRequest request =
          ExtractRequest.newBuilder()
              .setArticle(Article.newBuilder().setId("a1").setText(text))
              .setOptions(
                  ExtractOptions.newBuilder()
                      .setOffsetEncoding(OffsetEncoding.OFFSET_ENCODING_UTF16))
              .build();
      var answer =
          ExtractionServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(60, TimeUnit.SECONDS)
              .extract(request);
      for (Statement statement : answer.getExtraction().getStatementsList()) {
        String quote =
            statement.getQuote().getSpansList().stream()
                .map(span -> text.substring(span.getStart(), span.getEnd()))
                .collect(Collectors.joining(" … "));
        out.println(statement.getSpeaker().getName() + "\t" + quote);
      }
    } catch (StatusRuntimeException error) {
      // io.grpc.protobuf.StatusProto.fromThrowable(error) has the details of docs/errors.md.
      System.err.println(error.getStatus().getCode() + ": " + error.getStatus().getDescription());
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }
}
