"""What doctor checks: small functions that look at a host, a file or an entry, and yield what they find."""
