# A silo of the cluster. Build from the repository's root:
#   docker build -f deploy/docker/silo.Dockerfile -t quantcluster-silo .
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY eng/ eng/
COPY src/ src/
RUN dotnet publish src/Silo/QuantCluster.Silo.csproj -c Release -o /app -p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS final
# The job store; a volume takes its owner over from here.
RUN mkdir /store && chown "$APP_UID:$APP_UID" /store
WORKDIR /app
COPY --from=build /app ./
ENV QUANT_STORE=/store \
    QUANT_SILO_PORT=11111 \
    QUANT_GATEWAY_PORT=30000 \
    QUANT_HTTP_PORT=8080
EXPOSE 11111 30000 8080
VOLUME /store
USER $APP_UID
# SIGTERM: items under way are finished, grains move to other silos.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["dotnet", "quant-silo.dll", "health"]
ENTRYPOINT ["dotnet", "quant-silo.dll"]
