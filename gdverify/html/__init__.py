"""The HTML report: pages that open from disk, made from a report's plain data."""

from .site import check_folder, write_site

__all__ = ["check_folder", "write_site"]
