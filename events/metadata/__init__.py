"""The metadata stream: scene XML, RTP and the RTSP server that carries it."""
