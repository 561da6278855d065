# The server, on CPU. For a GPU: a CUDA base image, torch's own wheel, and the extra `gpu` instead of `cpu`.
FROM python:3.12-slim

WORKDIR /app
COPY constraints.txt ./
# Beside PyPI, which has the versions of what torch needs; of two equal versions, pip takes the one named +cpu.
RUN pip install --no-cache-dir --constraint constraints.txt torch \
    --extra-index-url https://download.pytorch.org/whl/cpu
# Further ones: docker build --build-arg EXTRAS=cpu,server,postgres,objectstore,mcp,documents,images .
ARG EXTRAS=cpu,server,postgres,objectstore
COPY pyproject.toml README.md LICENSE ./
COPY hypernet hypernet
COPY memory memory
COPY integrations integrations
COPY migrations migrations
RUN pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]" \
    && useradd --create-home --uid 10001 memory \
    && install --directory --owner=memory /data

USER memory
ENV MEMORY_HOME=/data MEMORY_HOST=0.0.0.0 MEMORY_PORT=8750
VOLUME /data
EXPOSE 8750
# The model takes a while to load; until then /health/ready says so, and /health/live answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8750/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["memory", "serve"]
