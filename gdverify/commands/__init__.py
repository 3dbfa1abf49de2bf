"""What each command does: one module each, with `main(args) -> exit code`.  The command line is in `gdverify.cli`."""
