"""A small AWS for tests: S3 and STS in memory, answering below botocore, with faults on demand.

The seam is botocore's ``before-send`` event: a handler that returns a response takes the place of the network. Clients
that s3dest makes by itself are reached through ``botocore.handlers.BUILTIN_HANDLERS``, which each new session copies;
moto comes in by the same door. Signing, headers, parsing, and botocore's own handlers are thus the real ones.

Unlike moto it has expiry, regions, owners, digests and every kind of failure; unlike a server it needs no port and its
clock is the test's. What AWS is not known to do is not imitated: see each module.
"""

from __future__ import annotations

from fake import faults
from fake.clock import ManualClock
from fake.faults import Fault
from fake.messages import Answer, Request
from fake.store import Store
from fake.sts import Sts
from fake.world import FakeAws

__all__ = ["Answer", "FakeAws", "Fault", "ManualClock", "Request", "Store", "Sts", "faults"]
