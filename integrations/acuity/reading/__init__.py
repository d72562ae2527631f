"""What does the source say? Values out of bytes, or a `Reject`."""
