// node dist/main.js [HOST:PORT] < articles.jsonl > statements.jsonl
//
// One article a line in ({"id", "text"}), one answer a line out; every piece of text in it was cut
// out of the article here, with JavaScript's own string indexes.  Exit code 1 if any article failed.
import { credentials } from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Answer, type Article, QuotewireClient } from "./client.js";
import { QuotewireError } from "./errors.js";

const { QUOTEWIRE_TLS_CA, QUOTEWIRE_TOKEN, QUOTEWIRE_MODEL } = process.env;

async function* articlesOf(input: NodeJS.ReadableStream): AsyncGenerator<Article> {
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line.trim()) yield JSON.parse(line) as Article;
  }
}

function lineOf({ article, extraction, error }: Answer): object {
  const text = article.text ?? "";
  const cut = (span: { start: number; end: number } | null | undefined) =>
    span ? text.slice(span.start, span.end) : null;
  return {
    id: extraction?.articleId ?? article.id,
    model: extraction?.model ?? null,
    statements: extraction?.statements.map((statement) => ({
      quote: statement.quote?.spans.map(cut).join(" … "),
      speaker: statement.speaker?.name ?? cut(statement.speaker?.mention),
      cue: cut(statement.cue),
      through: statement.intermediaries.map((one) => one.name ?? cut(one.mention)),
      confidence: statement.confidence,
    })),
    error: error ? { message: error.message, reason: error.reason, fields: error.fields } : null,
  };
}

const client = new QuotewireClient(process.argv[2], {
  credentials: QUOTEWIRE_TLS_CA ? credentials.createSsl(readFileSync(QUOTEWIRE_TLS_CA)) : undefined,
  token: QUOTEWIRE_TOKEN,
});
try {
  for await (const answer of client.extractStream(articlesOf(process.stdin), { model: QUOTEWIRE_MODEL })) {
    if (answer.error) process.exitCode = 1;
    console.log(JSON.stringify(lineOf(answer)));
  }
} catch (error) {
  if (!(error instanceof QuotewireError)) throw error;
  console.error([error.code, error.reason, error.message].filter(Boolean).join(": "));
  process.exitCode = 1;
} finally {
  client.close();
}
