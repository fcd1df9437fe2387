"""The sandbox gateway's adapter."""

from clearbill.payments.gateways.sandbox.gateway import SandboxGateway

__all__ = ["SandboxGateway"]
