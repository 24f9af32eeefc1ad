"""The set-up kit: all that a customer reviews, runs and hands back, made before anything of theirs exists."""

from __future__ import annotations

from s3dest.kit.plan import GUIDE, SetupKit

__all__ = ["GUIDE", "SetupKit"]
