namespace QuantCluster.Client;

/// <summary>Folders that results go to.</summary>
internal static class OutputFolder
{
    /// <summary>Makes the folder where it is not there yet.</summary>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="purpose">What the message calls it.</param>
    /// <returns>Its absolute path.</returns>
    /// <exception cref="QuantException">It cannot be made.</exception>
    public static string Create(string path, string purpose)
    {
        try
        {
            return Directory.CreateDirectory(path).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: {purpose} cannot be made: {e.Message}", e);
        }
    }
}
