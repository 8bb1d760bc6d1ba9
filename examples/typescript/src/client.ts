// A client whose offsets fit JavaScript strings: text.slice(span.start, span.end) is the span.
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials as grpcCredentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { errorFromCall, errorFromStatus, QuotewireError } from "./errors.js";
import type { ProtoGrpcType as ExtractionTypes } from "./generated/extraction_service.js";
import type { ProtoGrpcType as ModelTypes } from "./generated/model_service.js";
import type { Article } from "./generated/quotewire/v1/Article.js";
import type { ExtractOptions } from "./generated/quotewire/v1/ExtractOptions.js";
import type { Extraction__Output } from "./generated/quotewire/v1/Extraction.js";
import type { ExtractStreamRequest } from "./generated/quotewire/v1/ExtractStreamRequest.js";
import type { ExtractStreamResponse__Output } from "./generated/quotewire/v1/ExtractStreamResponse.js";
import type { Model__Output } from "./generated/quotewire/v1/Model.js";
import { definition } from "./protos.js";

export type { Article } from "./generated/quotewire/v1/Article.js";
export type { Extraction__Output as Extraction } from "./generated/quotewire/v1/Extraction.js";
export type { Statement__Output as Statement } from "./generated/quotewire/v1/Statement.js";

const { quotewire } = loadPackageDefinition(definition) as unknown as ExtractionTypes & ModelTypes;

const CHANNEL_OPTIONS = {
  // Retries, throttling and round robin, as docs/api.md publishes them.
  "grpc.service_config": readFileSync(new URL("../service_config.json", import.meta.url), "utf8"),
  // Answers to long articles pass gRPC's default of 4 MiB.
  "grpc.max_receive_message_length": -1,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.keepalive_permit_without_calls": 1,
};

export interface ClientOptions {
  /** Absent: plain text.  For TLS: `credentials.createSsl(rootCertificates)`. */
  credentials?: ChannelCredentials;
  /** A bearer token, for servers that ask for one. */
  token?: string;
}

export interface CallOptions {
  /** "name", "name@version" or an alias; absent: the server's default. */
  model?: string;
  /** Statements below this probability in [0, 1] are left out; absent: the model's own bound. */
  minConfidence?: number;
  /** Attitudes (wants, thinks) too, beside statements. */
  allActs?: boolean;
  /** For a call its deadline, for a stream the longest wait for its end (milliseconds). */
  timeoutMs?: number;
}

/** What became of one article of a stream: exactly one of `extraction` and `error` is set. */
export interface Answer {
  index: number;
  article: Article;
  extraction?: Extraction__Output;
  error?: QuotewireError;
}

export class QuotewireClient {
  readonly #extraction;
  readonly #models;
  readonly #metadata = new Metadata();

  constructor(target = "localhost:50051", { credentials, token }: ClientOptions = {}) {
    const channel = credentials ?? grpcCredentials.createInsecure();
    this.#extraction = new quotewire.v1.ExtractionService(target, channel, CHANNEL_OPTIONS);
    this.#models = new quotewire.v1.ModelService(target, channel, CHANNEL_OPTIONS);
    if (token) this.#metadata.set("authorization", `Bearer ${token}`);
  }

  /** Ends all calls and the connections. */
  close(): void {
    this.#extraction.close();
    this.#models.close();
  }

  /** The statements of one article.  Rejects with QuotewireError. */
  extract(article: Article, options: CallOptions = {}): Promise<Extraction__Output> {
    return new Promise((resolve, reject) => {
      this.#extraction.extract(
        { article: checked(article), ...wanted(options) },
        this.#metadata,
        { deadline: Date.now() + (options.timeoutMs ?? 60_000) },
        (error, response) => {
          if (response?.extraction) resolve(response.extraction);
          else reject(error ? errorFromCall(error) : new Error("the server sent an empty answer"));
        },
      );
    });
  }

  /** All models of the server, its default first. */
  models(timeoutMs = 10_000): Promise<Model__Output[]> {
    return new Promise((resolve, reject) => {
      const deadline = { deadline: Date.now() + timeoutMs };
      this.#models.listModels({}, this.#metadata, deadline, (error, response) => {
        if (response) resolve(response.models);
        else reject(error ? errorFromCall(error) : new Error("the server sent an empty answer"));
      });
    });
  }

  /**
   * Answers while the articles are still being read, as they get done.  At most `inFlight` articles
   * are read beyond those answered, so an archive of any size fits.  An article that cannot be
   * answered has its error in its answer; a failed stream throws QuotewireError.
   */
  async *extractStream(
    articles: Iterable<Article> | AsyncIterable<Article>,
    { inFlight = 32, ...options }: CallOptions & { inFlight?: number } = {},
  ): AsyncGenerator<Answer> {
    const call = this.#extraction.extractStream(this.#metadata, {
      deadline: Date.now() + (options.timeoutMs ?? 3_600_000),
    });
    const track: Track = { sent: new Map(), refused: [] };
    const slots = new Slots(inFlight);
    let failure: unknown;
    const sending = send(call, articles, options, track, slots).catch((error: unknown) => {
      failure = error;
      call.cancel();
    });
    try {
      for await (const { answer } of call as AsyncIterable<ExtractStreamResponse__Output>) {
        yield* track.refused.splice(0);
        const asked = answer && track.sent.get(answer.index);
        if (!asked) continue;
        track.sent.delete(answer.index);
        slots.release();
        if (answer.error) yield { ...asked, error: errorFromStatus(answer.error) };
        else yield { ...asked, extraction: answer.extraction ?? undefined };
      }
      await sending;
      yield* track.refused;
    } catch (error) {
      throw failure ?? errorFromCall(error as ServiceError);
    } finally {
      slots.close();
      call.cancel();
    }
  }
}

interface Track {
  /** What has no answer yet, by its position among the articles sent. */
  sent: Map<number, { index: number; article: Article }>;
  /** What could not be sent. */
  refused: Answer[];
}

/** Writes articles as slots come free; a full send buffer is waited for. */
async function send(
  call: ClientDuplexStream<ExtractStreamRequest, ExtractStreamResponse__Output>,
  articles: Iterable<Article> | AsyncIterable<Article>,
  options: CallOptions,
  track: Track,
  slots: Slots,
): Promise<void> {
  let index = 0;
  let sent = 0;
  for await (const article of articles) {
    const place = { index: index++, article };
    try {
      checked(article);
    } catch (error) {
      track.refused.push({ ...place, error: error as QuotewireError });
      continue;
    }
    if (!(await slots.acquire())) return;
    const request = { article, ...wanted(options) };
    track.sent.set(sent++, place);
    await new Promise<void>((written) => call.write(request, () => written()));
  }
  call.end();
}

/** Counts what is on its way. */
class Slots {
  #free: number;
  #open = true;
  #waiting: (() => void) | undefined; // there is one sender

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a free slot; false where nobody reads answers any more. */
  async acquire(): Promise<boolean> {
    while (this.#open && this.#free === 0) {
      await new Promise<void>((freed) => (this.#waiting = freed));
    }
    this.#free--;
    return this.#open;
  }

  release(): void {
    this.#free++;
    this.#waiting?.();
  }

  close(): void {
    this.#open = false;
    this.#waiting?.();
  }
}

/** A lone surrogate has no UTF-8: the library would send something else, and offsets would lie. */
function checked(article: Article): Article {
  for (const [field, value] of Object.entries(article)) {
    if (typeof value === "string" && !value.isWellFormed()) {
      const message = `article.${field}: has a lone surrogate; allowed: well-formed Unicode`;
      throw new QuotewireError(message, "INVALID_ARGUMENT", "INVALID_INPUT", [`article.${field}`]);
    }
  }
  return article;
}

function wanted({ model, minConfidence, allActs }: CallOptions): { model: string; options: ExtractOptions } {
  return {
    model: model ?? "",
    options: {
      offsetEncoding: "OFFSET_ENCODING_UTF16",
      acts: allActs ? "ACT_SELECTION_ALL" : "ACT_SELECTION_STATEMENTS",
      ...(minConfidence === undefined ? {} : { minConfidence }),
    },
  };
}
