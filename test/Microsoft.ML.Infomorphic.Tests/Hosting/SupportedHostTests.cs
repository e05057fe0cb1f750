using System.Xml.Linq;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class SupportedHostTests
{
    [TestMethod]
    public void The_version_of_the_host_that_is_referenced_has_every_member() => SupportedHost.ThrowIfUnsupported();

    [TestMethod]
    public void A_host_without_a_member_is_refused_with_its_version_and_the_member()
    {
        InvalidOperationException exception = SupportedHost.Describe(
            new MissingMethodException("Method not found: 'X'.")
        );

        StringAssert.StartsWith(
            exception.Message,
            "Microsoft.ML.Infomorphic works with Microsoft.ML [5.0.1, 6), and Microsoft.ML 5."
        );
        StringAssert.EndsWith(exception.Message, "differs in a member that it needs: Method not found: 'X'.");
    }

    [TestMethod]
    public void Only_what_the_runtime_says_about_members_is_taken_for_an_obstacle()
    {
        Assert.IsTrue(SupportedHost.IsObstacle(new MissingMethodException()));
        Assert.IsTrue(SupportedHost.IsObstacle(new MissingFieldException()));
        Assert.IsTrue(SupportedHost.IsObstacle(new MethodAccessException()));
        Assert.IsTrue(SupportedHost.IsObstacle(new FieldAccessException()));
        Assert.IsTrue(SupportedHost.IsObstacle(new TypeLoadException()));
        Assert.IsFalse(SupportedHost.IsObstacle(new InvalidOperationException()));
    }

    // What the packages depend on has one range, or an application could be given parts of two versions.
    [TestMethod]
    [DataRow("Microsoft.ML")]
    [DataRow("Microsoft.ML.FastTree")]
    public void The_range_is_that_of_the_package_reference(string name)
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Directory.Packages.props")))
            directory = Path.GetDirectoryName(directory)!;
        string version = XDocument
            .Load(Path.Combine(directory, "Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Single(package => package.Attribute("Include")!.Value == name)
            .Attribute("Version")!
            .Value;

        Assert.AreEqual(SupportedHost.VersionRange, version);
    }
}
