"""The course's own tool: it knows the recipes, lays out and checks the reader's folder, runs and tests each step."""
