"""The search page of one file and its JSON API, over HTTP; needs the extra `server`."""
