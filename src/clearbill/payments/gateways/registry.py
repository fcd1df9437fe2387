"""Which gateways there are, by their code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clearbill.payments.gateways.protocol import Credentials, Gateway
from clearbill.payments.gateways.sandbox import SandboxGateway

GATEWAYS: Mapping[str, Callable[[Credentials], Gateway]] = {
    "sandbox": SandboxGateway,
}
