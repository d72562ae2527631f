# One image for every process: the lines of the Procfile are its commands.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home importer
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py gunicorn.conf.py ./
COPY config config
COPY bookings bookings
COPY integrations integrations
RUN mkdir var && chown importer var
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER importer
EXPOSE 8000
CMD ["gunicorn", "config.wsgi"]
