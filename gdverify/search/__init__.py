"""Search for certificates.  Nothing here is trusted: what is found becomes a fact only if the kernel accepts it."""

from .certificate import Certificate, find_certificate, propose

__all__ = ["Certificate", "find_certificate", "propose"]
