"""Jobs: operations that a container on the engine carries out, so that they outlive the terminal of their user."""
