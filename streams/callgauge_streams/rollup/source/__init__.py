"""The life of one source: where counting begins, its open block, what may be committed."""
