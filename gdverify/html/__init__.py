"""The HTML report: pages that open from disk, made from a report's plain data."""
