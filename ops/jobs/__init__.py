"""Jobs: operations that run in a container on the engine, so that they outlive the user's terminal."""
