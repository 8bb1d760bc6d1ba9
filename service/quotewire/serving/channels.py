"""How clients connect."""

from __future__ import annotations

import json
from typing import Any, Final

# What every client of the service should run with, in any language (docs/service-config.json):
# calls spread over all replicas, and what may work a moment later is tried again, but not by
# everybody at once while a server is in trouble (throttling).
SERVICE_CONFIG: Final[dict[str, Any]] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": "quotewire.v1.ExtractionService"},
                {"service": "quotewire.v1.ModelService"},
                {"service": "quotewire.v1.FeedbackService"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}
CHANNEL_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # Answers to long articles pass gRPC's default of 4 MiB.
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
