"""The page for operators: `videa ui` serves it on this machine only."""
