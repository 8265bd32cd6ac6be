"""What every command has by being one: options, output, notes, completion, variables, errors in one line."""
