using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests.Workers;

/// <summary>A Redis that speaks only TLS and asks for a password, with a certificate of our own making.</summary>
public sealed class EncryptedRedisTests : IDisposable
{
    private const string Authority = "SERedis_IssuerCertPath";

    private readonly TemporaryFolder _folder = new();
    private readonly RedisServer _server;

    public EncryptedRedisTests()
    {
        Require.Redis();
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder["redis.crt"], certificate.ExportCertificatePem());
        File.WriteAllText(_folder["redis.key"], key.ExportPkcs8PrivateKeyPem());
        int port = RedisServer.FreePort();
        _server = new RedisServer(
            "--tls-port", port.ToString(CultureInfo.InvariantCulture), "--tls-cert-file", _folder["redis.crt"], "--tls-key-file", _folder["redis.key"],
            "--tls-ca-cert-file", _folder["redis.crt"], "--tls-auth-clients", "no", "--requirepass", "secret");
        Address = string.Create(CultureInfo.InvariantCulture, $"rediss://:secret@localhost:{port}");
    }

    private string Address { get; }

    [Fact]
    public async Task A_job_is_done_over_TLS_where_the_servers_certificate_is_trusted_and_refused_where_it_is_not()
    {
        Process worker = Quant(trusts: false, "worker", "--engine", "redis", "--cluster", Address, "--store", _folder["store"]);
        string refusal = await worker.StandardError.ReadToEndAsync();
        await worker.WaitForExitAsync();
        Assert.Equal((int)ExitCode.Unavailable, worker.ExitCode);
        Assert.DoesNotContain("secret", refusal);

        worker = Quant(trusts: true, "worker", "--engine", "redis", "--cluster", Address, "--store", _folder["store"]);
        try
        {
            using Process submit = Quant(trusts: true, "submit", DigitsJob.Model, "--data", DigitsJob.Data, "--correct", "none",
                "--engine", "redis", "--cluster", Address, "--store", _folder["store"], "--watch", "--speed", "ignore");
            string error = await submit.StandardError.ReadToEndAsync();
            await submit.WaitForExitAsync();
            Assert.True(submit.ExitCode == 0, error);
        }
        finally
        {
            worker.Kill();
            worker.Dispose();
        }
    }

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    private Process Quant(bool trusts, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [WorkerProcess.Quant, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        if (trusts)
            start.Environment[Authority] = _folder["redis.crt"];
        return Process.Start(start)!;
    }
}
