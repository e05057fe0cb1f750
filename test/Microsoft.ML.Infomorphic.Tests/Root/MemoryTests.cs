using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Memory is given back when training ends.</summary>
[TestClass]
public class MemoryTests
{
    // Code is compiled once and for all (DOTNET_TieredCompilation=0): what the compiler's later tiers take, some 8 MB over
    // the first hundred fits, is none of ours. Then memory goes up and down by 2 MB, and settles within ten fits. One
    // matrix of neurons × rows that is not given back is 0.3 MB a fit, 6 MB over the 20 fits after the tenth and 27 MB
    // over 90; all of a fit is ten times that.
    private const int Megabytes = 3;

    [TestMethod]
    [DataRow(30)]
    public Task Memory_after_many_fits_is_no_more_than_after_ten(int fits) => Compare(fits);

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(100)]
    public Task Memory_after_a_hundred_fits_is_no_more_than_after_ten(int fits) => Compare(fits);

    private static async Task Compare(int fits)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_TieredCompilation"] = "0" },
            ArgumentList =
            {
                "exec",
                typeof(MemoryTests).Assembly.Location,
                RepeatedTraining.Argument,
                fits.ToString(CultureInfo.InvariantCulture),
            },
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(0, process.ExitCode, await output + await error);
        long[] bytes =
        [
            .. (await output)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => long.Parse(line, CultureInfo.InvariantCulture)),
        ];
        Assert.HasCount(fits, bytes);

        // What the last fits hold in common, against the most that any of the fits five to ten ended with.
        Assert.IsLessThan(
            bytes[4..10].Max() + Megabytes * 1_000_000L,
            bytes[^5..].Min(),
            $"MB: {string.Join(' ', bytes.Select(value => value / 1_000_000))}"
        );
    }
}
