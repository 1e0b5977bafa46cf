package sse

// CommentSize returns the bytes that AppendComment appends.
func CommentSize(text []byte) int {
	return linesSize(len(": "), text) + len("\n")
}

// AppendComment appends a comment, which readers pass over: what keeps a
// stream that has nothing to say from being cut on its way, and what makes
// proxies send headers on. Line breaks in text begin a new line of the comment.
func AppendComment(dst, text []byte) []byte {
	return append(appendLines(dst, ": ", text), '\n')
}
