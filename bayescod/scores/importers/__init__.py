"""What evaluation tools write, read as counts: one file a tool, none of the tools needed."""
