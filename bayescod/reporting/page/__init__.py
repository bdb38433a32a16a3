"""The page a leader reads: one self-contained HTML file, and Markdown for pasting."""
