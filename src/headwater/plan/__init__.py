"""From declarations and recorded state to frozen steps, a diff and an explanation. Pure."""
