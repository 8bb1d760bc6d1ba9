// Prints who said what in an article, through Go's byte strings: text[start:end] with UTF-8 offsets.
//
//	go run . localhost:50051 < article.txt
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	// protoc's own (docs/clients.md); in a module: your module's path before it.
	quotewirev1 "quotewire/v1"
)

const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "quotewire.v1.ExtractionService"}, {"service": "quotewire.v1.ModelService"}],
    "retryPolicy": {
      "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
    }
  }],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
}`

func main() {
	log.SetFlags(0)
	article, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	text := string(article)
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure(),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	response, err := quotewirev1.NewExtractionServiceClient(connection).Extract(ctx,
		&quotewirev1.ExtractRequest{
			Article: &quotewirev1.Article{Id: "a1", Text: text},
			Options: &quotewirev1.ExtractOptions{
				OffsetEncoding: quotewirev1.OffsetEncoding_OFFSET_ENCODING_UTF8,
			},
		})
	if err != nil {
		// status.Convert(err).Details() has the ErrorInfo, BadRequest and RetryInfo of docs/errors.md.
		log.Fatalf("%s: %s", status.Code(err), status.Convert(err).Message())
	}
	for _, statement := range response.Extraction.Statements {
		var pieces []string
		for _, span := range statement.Quote.Spans {
			pieces = append(pieces, text[span.Start:span.End])
		}
		fmt.Printf("%s\t%s\n", statement.Speaker.GetName(), strings.Join(pieces, " … "))
	}
}
