# docker build -t molw2s . && docker run --rm -v "$PWD/runs:/home/molw2s/runs" molw2s
FROM python:3.12-slim

# What RDKit draws molecules with.
RUN apt-get update && apt-get install -y --no-install-recommends libxrender1 libxext6 \
    && rm -rf /var/lib/apt/lists/*

# torch without CUDA, whose libraries are several GB. For a GPU:
# docker build --build-arg TORCH_INDEX=https://pypi.org/simple -t molw2s .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir "torch>=2.6,<2.14" --index-url "$TORCH_INDEX"

COPY . /source
RUN pip install --no-cache-dir "/source[cluster]" && rm -rf /source

RUN useradd --create-home --uid 1000 molw2s \
    && mkdir -p /home/molw2s/runs /cache \
    && chown -R molw2s /home/molw2s/runs /cache
USER molw2s
WORKDIR /home/molw2s
ENV MOLW2S_CACHE=/cache HF_HUB_OFFLINE=1
VOLUME ["/home/molw2s/runs", "/cache"]

ENTRYPOINT ["molw2s"]
CMD ["run", "esol"]
