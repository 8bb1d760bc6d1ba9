// A failed call or article as one error with a reason that a program can act on: the reasons are
// those of docs/errors.md, read from the google.rpc.Status that the server sends along.
import type { ServiceError } from "@grpc/grpc-js";
import { status as Code } from "@grpc/grpc-js";
import type { MessageTypeDefinition } from "@grpc/proto-loader";
import type { BadRequest, BadRequest__Output } from "./generated/google/rpc/BadRequest.js";
import type { ErrorInfo, ErrorInfo__Output } from "./generated/google/rpc/ErrorInfo.js";
import type { RetryInfo, RetryInfo__Output } from "./generated/google/rpc/RetryInfo.js";
import type { Status, Status__Output } from "./generated/google/rpc/Status.js";
import { definition } from "./protos.js";

const STATUS_HEADER = "grpc-status-details-bin";

const statusType = definition["google.rpc.Status"] as MessageTypeDefinition<Status, Status__Output>;
const detailTypes = {
  errorInfo: definition["google.rpc.ErrorInfo"] as MessageTypeDefinition<ErrorInfo, ErrorInfo__Output>,
  badRequest: definition["google.rpc.BadRequest"] as MessageTypeDefinition<BadRequest, BadRequest__Output>,
  retryInfo: definition["google.rpc.RetryInfo"] as MessageTypeDefinition<RetryInfo, RetryInfo__Output>,
};

export class QuotewireError extends Error {
  override readonly name = "QuotewireError";
  constructor(
    message: string,
    /** gRPC's code by name: "INVALID_ARGUMENT". */
    readonly code: string,
    /** One word: "INVALID_INPUT", "OVERLOADED"; empty where gRPC itself speaks. */
    readonly reason: string,
    /** The fields of the request that cannot be used. */
    readonly fields: string[] = [],
    /** When to come again (milliseconds); undefined where that does not help. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** The error that a google.rpc.Status stands for. */
export function errorFromStatus(status: Status__Output): QuotewireError {
  const detail = <Out extends object>(type: MessageTypeDefinition<never, Out>): Out | undefined => {
    const name = (type.type as { name: string }).name;
    const packed = status.details.find((any) => any.type_url.endsWith(`/google.rpc.${name}`));
    return packed && type.deserialize(packed.value);
  };
  const info = detail(detailTypes.errorInfo);
  const fields = detail(detailTypes.badRequest)?.fieldViolations ?? [];
  const delay = detail(detailTypes.retryInfo)?.retryDelay;
  return new QuotewireError(
    status.message,
    Code[status.code] ?? String(status.code),
    info?.domain === "quotewire" ? info.reason : "",
    fields.map((violation) => violation.field),
    delay ? delay.seconds * 1000 + delay.nanos / 1e6 : undefined,
  );
}

/** The error of a failed call. */
export function errorFromCall(error: ServiceError): QuotewireError {
  const [packed] = error.metadata.get(STATUS_HEADER);
  if (packed instanceof Buffer) return errorFromStatus(statusType.deserialize(packed));
  return new QuotewireError(error.details, Code[error.code] ?? String(error.code), "");
}
