# The quant command, for submitting jobs from inside the cluster's network. Build from the repository's root:
#   docker build -f deploy/docker/client.Dockerfile -t quantcluster-client .
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY eng/ eng/
COPY src/ src/
RUN dotnet publish src/Client/QuantCluster.Client.csproj -c Release -o /app -p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/runtime:10.0 AS final
RUN mkdir /store /work && chown "$APP_UID:$APP_UID" /store /work
COPY --from=build /app /app/
ENV QUANT_STORE=/store \
    QUANT_ENGINE=orleans
VOLUME /store
WORKDIR /work
USER $APP_UID
# It runs a command and ends: that it starts is all there is to check.
HEALTHCHECK --interval=60s --timeout=10s --retries=1 \
    CMD ["dotnet", "/app/quant.dll", "--version"]
ENTRYPOINT ["dotnet", "/app/quant.dll"]
