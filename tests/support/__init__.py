"""What tests share: servers, databases, threads, statement counts, the browser. Each file stands alone."""
