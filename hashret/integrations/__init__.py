"""hashret inside other libraries: scikit-learn, LangChain, MTEB. Nothing else imports these; each needs its extra."""
