"""Reviews policies that a customer pasted: what is too wide, too narrow, or contradicts the config. Offline."""

from __future__ import annotations

from s3dest.review.pasted import review

__all__ = ["review"]
